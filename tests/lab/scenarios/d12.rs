//! D12: a tool that an agent runs and speaks to on its standard input and output reads an old PostgreSQL that trusts
//! the place.

use crate::lab::programs::{
    Cluster, MCP_SESSION, MCP_STATELESS, POSTGRESQL, PYTHON, VENV, mcp, postgres, quiet,
};
use crate::lab::scenario::{Lab, Need, Scenario, oracle};

const NEEDS: &[Need] = &[POSTGRESQL[0], POSTGRESQL[1], PYTHON, VENV];

/// In the era of sessions.
pub(super) const SESSION: Scenario = Scenario {
    name: "d12-session",
    truth: include_str!("d12/session.json"),
    needs: NEEDS,
    steps: |lab| run(lab, MCP_SESSION, OLD),
    also: None,
};

/// In the era of requests that stand for themselves.
pub(super) const STATELESS: Scenario = Scenario {
    name: "d12-stateless",
    truth: include_str!("d12/stateless.json"),
    needs: NEEDS,
    steps: |lab| run(lab, MCP_STATELESS, NEW),
    also: None,
};

/// Starts the tool and calls it three times.
const OLD: &str = "\
import asyncio, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
async def main():
    async with stdio_client(StdioServerParameters(command=sys.executable, args=sys.argv[1:])) as streams:
        async with ClientSession(*streams) as session:
            await session.initialize()
            for turn in range(3):
                print((await session.call_tool('lookup_customer', {'number': turn})).content[0].text, flush=True)
asyncio.run(main())
";
/// The same with the later SDK.
const NEW: &str = "\
import asyncio, sys
from mcp import Client, StdioServerParameters
async def main():
    async with Client(StdioServerParameters(command=sys.executable, args=sys.argv[1:])) as client:
        for turn in range(3):
            print((await client.call_tool('lookup_customer', {'number': turn})).content[0].text, flush=True)
asyncio.run(main())
";
/// The tool: asks PostgreSQL by its own client, once a call.
const TOOL: &str = "\
import subprocess, sys
try:
    from mcp.server.mcpserver import MCPServer as Server
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server
server = Server('crm')
@server.tool()
def lookup_customer(number: int) -> str:
    words = [sys.argv[1], '-X', '-A', '-t', '-h', '10.77.20.2', '-U', 'report', '-d', 'postgres', '-c', 'SELECT says FROM note']
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True).stdout.strip()
server.run()
";

const RULES: &str = "host all report 10.77.10.0/24 trust\nhost all app_rw 0.0.0.0/0 scram-sha-256\n";

fn run(lab: &mut Lab, release: &str, client: &str) -> Result<(), String> {
    let python = mcp(release)?;
    let (row, password) = (lab.secret("MARK12A")?, lab.secret("MARK12B")?);
    let statements = [
        "CREATE ROLE report LOGIN;".to_owned(),
        format!("CREATE ROLE app_rw LOGIN PASSWORD '{password}';"),
        format!("CREATE TABLE note AS SELECT '{row}'::text AS says;"),
        "GRANT SELECT ON note TO report, app_rw;".to_owned(),
    ];
    let cluster = Cluster::make(lab, "postgresql", RULES, &statements)?;
    let (agent, tool) = (lab.write("agent.py", client, 0o644)?, lab.write("crm_tool.py", TOOL, 0o644)?);
    let rules = "[[agent]]\nname = \"helpdesk-agent\"\nargv = \"agent\\\\.py\"\n";
    let rules = lab.write("tierzero.toml", rules, 0o644)?;
    lab.observe_with(&["--config", &rules])?;
    let server = cluster.start(lab, "leg", Some("10.77.20.2"))?;
    let psql = postgres("psql");
    let answer = lab.run("agt", None, &[&python, &agent, &tool, &psql], &[], "")?.well("agent.py")?;
    oracle("the tool answered three times", answer.stdout.matches(row.as_str()).count() == 3)?;
    quiet(&server, 5432)?;
    lab.end()?;

    let log = lab.logged("postgresql")?;
    oracle("three connections came", log.matches("connection received: host=10.77.10.2").count() == 3)?;
    oracle("as report", log.matches("connection authorized: user=report").count() == 3)?;
    oracle("and PostgreSQL authenticated nobody", !log.contains("connection authenticated:"))
}
