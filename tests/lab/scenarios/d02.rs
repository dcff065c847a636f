//! D02: who is an agent. One is declared, two are suspected by what they do, one in each era of the Model Context
//! Protocol; a lone curl, a worker of whom only one sign can be seen, and names that sound like agents are none.

use rustix::process::Signal;

use crate::lab::programs::{
    CURL, MCP_SESSION, MCP_STATELESS, NGINX, OPENSSL, PYTHON, VENV, certificate_for, listens, listens_at,
    mcp, nginx, quiet,
};
use crate::lab::scenario::{Lab, Need, Scenario, oracle};
use crate::lab::wait;

const SSH_AGENT: Need = ("/usr/bin/ssh-agent", "openssh-client");

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d02",
    truth: include_str!("d02/truth.json"),
    needs: &[NGINX, OPENSSL, PYTHON, VENV, CURL, SSH_AGENT],
    steps,
    also: None,
};

/// Calls the model's endpoint.
const MODEL: &str = "\
import socket, ssl, subprocess, sys
def model(certificate):
    context = ssl.create_default_context(cafile=certificate)
    with socket.create_connection(('10.77.30.2', 443), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname='api.anthropic.com') as caller:
            caller.sendall(b'POST /v1/messages HTTP/1.1\\r\\nHost: api.anthropic.com\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}')
            answer = b''
            while piece := caller.recv(4096):
                answer += piece
            return answer.split(b' ')[1].decode()
";
/// The declared agent: calls once, and starts a child that calls too.
const AGENT: &str = "\
print('model', model(sys.argv[1]), flush=True)
curl = ['/usr/bin/curl', '-s', '-q', '--cacert', sys.argv[1], '--resolve', 'api.anthropic.com:443:10.77.30.2',
        '-o', '/dev/null', '-w', 'child %{http_code}', 'https://api.anthropic.com/v1/models']
print(subprocess.run(curl, capture_output=True, check=True).stdout.decode())
";
/// Workers of the era of sessions: the second speaks to a tool on its standard input and output alone.
const SESSION: &str = "\
import asyncio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
async def ask(streams):
    async with ClientSession(streams[0], streams[1]) as session:
        begun = await session.initialize()
        answer = await session.call_tool('now', {})
        print(begun.protocolVersion, answer.content[0].text, flush=True)
async def main():
    if len(sys.argv) > 3:
        async with streamablehttp_client(sys.argv[3]) as streams:
            await ask(streams)
    async with stdio_client(StdioServerParameters(command=sys.executable, args=[sys.argv[2], 'stdio'])) as streams:
        await ask(streams)
for turn in range(3):
    print('model', model(sys.argv[1]), flush=True)
asyncio.run(main())
";
/// A worker of the era of requests that stand for themselves.
const STATELESS: &str = "\
import asyncio
from mcp import Client, StdioServerParameters
async def main():
    for server in [sys.argv[3], StdioServerParameters(command=sys.executable, args=[sys.argv[2], 'stdio'])]:
        async with Client(server) as client:
            answer = await client.call_tool('now', {})
            print(client.protocol_version, answer.content[0].text, flush=True)
for turn in range(3):
    print('model', model(sys.argv[1]), flush=True)
asyncio.run(main())
";
/// A tool that tells the time, on standard input and output or over HTTP.
const TOOL: &str = "\
import sys
try:
    from mcp.server.mcpserver import MCPServer as Server
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server
server = Server('clock')
@server.tool()
def now() -> str:
    return 'noon'
if sys.argv[1] == 'stdio':
    server.run()
else:
    server.run('streamable-http', host='10.77.30.2', port=8765)
";
/// What sounds like an agent.
const DECOY: &str = "#!/bin/sh\nfor turn in 1 2 3; do /usr/bin/true; done\necho done\n";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (session, stateless) = (mcp(MCP_SESSION)?, mcp(MCP_STATELESS)?);
    let (key, certificate) = certificate_for(lab, "api.anthropic.com", "DNS:api.anthropic.com")?;
    let script = |name: &str, text: &str| lab.write(name, &format!("{MODEL}{text}"), 0o644);
    let agent = script("agent.py", AGENT)?;
    let (old, new, piped) = (
        script("worker_session.py", SESSION)?,
        script("worker_stateless.py", STATELESS)?,
        script("worker_stdio.py", SESSION)?,
    );
    let tool = lab.write("tool.py", TOOL, 0o644)?;
    let decoy = lab.write("zabbix_agentd", DECOY, 0o755)?;
    let rules = "[[agent]]\nname = \"helpdesk-agent\"\nargv = \"agent\\\\.py\"\n";
    let rules = lab.write("tierzero.toml", rules, 0o644)?;
    let servers = format!(
        "  server {{\n    listen 10.77.30.2:443 ssl;\n    ssl_protocols TLSv1.3;\n    ssl_certificate {certificate};\n    \
         ssl_certificate_key {key};\n    location / {{ default_type application/json; return 200 '{{}}'; }}\n  }}"
    );
    lab.observe_with(&["--config", &rules])?;
    let stub = nginx(lab, "mod", 443, &servers)?;
    let words = [stateless.as_str(), &tool, "http"];
    let mut clock = lab.daemon("clock", "mod", Some("nobody"), &words, Signal::TERM)?;
    listens(&mut clock, lab, "clock", 8765)?;
    let socket = lab.directory().join("keys");
    let place = socket.display().to_string();
    let mut keys =
        lab.daemon("ssh-agent", "agt", None, &["/usr/bin/ssh-agent", "-D", "-a", &place], Signal::TERM)?;
    listens_at(&mut keys, lab, "ssh-agent", &socket)?;

    let run = |words: &[&str], wanted: &[&str]| {
        let said = lab.run("agt", None, words, &[], "")?.well(words.get(1).unwrap_or(&""))?.stdout;
        let lines: Vec<&str> = said.lines().collect();
        oracle(&format!("{words:?} says {lines:?}"), lines == wanted)
    };
    let url = "http://10.77.30.2:8765/mcp";
    let model = "model 200";
    run(&["/usr/bin/python3", &agent, &certificate], &[model, "child 200"])?;
    let (before, after) = ("2025-11-25 noon", "2026-07-28 noon");
    run(&[&session, &old, &certificate, &tool, url], &[model, model, model, before, before])?;
    run(&[&stateless, &new, &certificate, &tool, url], &[model, model, model, after, after])?;
    run(&[&session, &piped, &certificate, &tool], &[model, model, model, before])?;
    let resolve = "api.anthropic.com:443:10.77.30.2";
    let page = "https://api.anthropic.com/v1/models";
    run(&["/usr/bin/curl", "-s", "-q", "--cacert", &certificate, "--resolve", resolve, page], &["{}"])?;
    run(&["/bin/sh", &decoy], &["done"])?;
    quiet(&stub, 443)?;
    quiet(&clock, 8765)?;
    oracle("ssh-agent still runs", keys.ended()?.is_none())?;
    keys.end(wait::LIMIT)?;
    lab.end()
}
