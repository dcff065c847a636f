//! D13: a deputy. An MCP server over HTTP, which asks for a bearer token, reads an open Redis for whoever calls it.

use rustix::process::Signal;

use crate::lab::program::Program;
use crate::lab::programs::{
    MCP_SESSION, MCP_STATELESS, PYTHON, REDIS, REDIS_CLIENT, Redis, VENV, listens, mcp, quiet,
};
use crate::lab::scenario::{Lab, Need, Scenario, oracle};

const NEEDS: &[Need] = &[REDIS, REDIS_CLIENT, PYTHON, VENV];

/// What differs between the variants.
struct Variant {
    release: &'static str,
    client: &'static str,
    /// Tools that the agent calls, and how often; what another client calls between its calls.
    agent: (&'static str, &'static str),
    other: Option<&'static str>,
    /// The server asks for the token.
    asks: bool,
}

/// The agent's calls reach Redis; in the era of sessions.
pub(super) const SESSION: Scenario = Scenario {
    name: "d13-session",
    truth: include_str!("d13/session.json"),
    needs: NEEDS,
    steps: |lab| {
        run(
            lab,
            &Variant { release: MCP_SESSION, client: OLD, agent: ("lookup", "20"), other: None, asks: true },
        )
    },
    also: None,
};

/// The same in the era of requests that stand for themselves.
pub(super) const STATELESS: Scenario = Scenario {
    name: "d13-stateless",
    truth: include_str!("d13/stateless.json"),
    needs: NEEDS,
    steps: |lab| {
        run(
            lab,
            &Variant {
                release: MCP_STATELESS,
                client: NEW,
                agent: ("lookup", "20"),
                other: None,
                asks: true,
            },
        )
    },
    also: None,
};

/// The agent's calls touch nothing; another's reach Redis.
pub(super) const OTHER: Scenario = Scenario {
    name: "d13-other",
    truth: include_str!("d13/other.json"),
    needs: NEEDS,
    steps: |lab| {
        let agent = ("now", "20");
        run(lab, &Variant { release: MCP_SESSION, client: OLD, agent, other: Some("lookup"), asks: true })
    },
    also: None,
};

/// The server hands the token on to another API.
pub(super) const HANDS_ON: Scenario = Scenario {
    name: "d13-hands-on",
    truth: include_str!("d13/hands_on.json"),
    needs: NEEDS,
    steps: |lab| {
        run(
            lab,
            &Variant { release: MCP_SESSION, client: OLD, agent: ("orders", "5"), other: None, asks: true },
        )
    },
    also: None,
};

/// The server asks for nothing.
pub(super) const OPEN: Scenario = Scenario {
    name: "d13-open",
    truth: include_str!("d13/open.json"),
    needs: NEEDS,
    steps: |lab| {
        run(
            lab,
            &Variant { release: MCP_SESSION, client: OLD, agent: ("now", "5"), other: None, asks: false },
        )
    },
    also: None,
};

/// Calls a tool so many times, a while between calls; the token comes on standard input.
const OLD: &str = "\
import asyncio, sys
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
token = sys.stdin.read()
fields = {'Authorization': 'Bearer ' + token} if token else {}
async def main():
    async with streamablehttp_client('http://10.77.30.2:8080/mcp', headers=fields) as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            await session.initialize()
            for turn in range(int(sys.argv[2])):
                print((await session.call_tool(sys.argv[1], {})).content[0].text, flush=True)
                await asyncio.sleep(0.1)
asyncio.run(main())
";
/// The same with the later SDK.
const NEW: &str = "\
import asyncio, sys
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
token = sys.stdin.read()
fields = {'Authorization': 'Bearer ' + token} if token else {}
async def main():
    async with httpx2.AsyncClient(headers=fields, timeout=20) as http:
        async with Client(streamable_http_client('http://10.77.30.2:8080/mcp', http_client=http)) as client:
            for turn in range(int(sys.argv[2])):
                print((await client.call_tool(sys.argv[1], {})).content[0].text, flush=True)
                await asyncio.sleep(0.1)
asyncio.run(main())
";
/// The server: one tool reads Redis, one touches nothing, one hands the caller's token on. With a file as its argument
/// it wants the token in it.
const SERVER: &str = "\
import contextvars, http.client, socket, sys, uvicorn
try:
    from mcp.server.mcpserver import MCPServer as Server
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server
wanted = ('Bearer ' + open(sys.argv[1]).read()).encode() if len(sys.argv) > 1 else None
server = Server('deputy')
@server.tool()
def lookup() -> str:
    with socket.create_connection(('10.77.20.2', 6379), timeout=20) as redis:
        redis.sendall(b'*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n')
        return redis.recv(4096).decode().split()[-1]
@server.tool()
def now() -> str:
    return 'noon'
@server.tool()
def orders() -> str:
    api = http.client.HTTPConnection('10.77.20.2', 8081, timeout=20)
    api.request('GET', '/orders', headers={'Authorization': wanted.decode()})
    return api.getresponse().read().decode()
class Asks:
    def __init__(self, inside):
        self.inside = inside
    async def __call__(self, scope, receive, send):
        if scope['type'] == 'http' and wanted and dict(scope['headers']).get(b'authorization') != wanted:
            fields = [(b'content-length', b'0'), (b'www-authenticate', b'Bearer')]
            await send({'type': 'http.response.start', 'status': 401, 'headers': fields})
            await send({'type': 'http.response.body', 'body': b''})
        else:
            await self.inside(scope, receive, send)
from mcp.server.transport_security import TransportSecuritySettings
try:
    server.settings.transport_security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    inside = server.streamable_http_app()
except (AttributeError, TypeError, ValueError):
    inside = server.streamable_http_app(transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False))
uvicorn.run(Asks(inside), host='10.77.30.2', port=8080, log_level='info')
";
/// Another API, which wants the same token.
const API: &str = "\
import http.server, sys
wanted = 'Bearer ' + open(sys.argv[1]).read()
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get('Authorization') == wanted
        body = b'served' if known else b''
        self.send_response(200 if known else 401)
        if not known:
            self.send_header('WWW-Authenticate', 'Bearer')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(('10.77.20.2', 8081), Api).serve_forever()
";

fn run(lab: &mut Lab, variant: &Variant) -> Result<(), String> {
    let python = mcp(variant.release)?;
    let (token, value) = (lab.secret("MARK13A")?, lab.secret("MARK13B")?);
    let (agent, other) =
        (lab.write("agent.py", variant.client, 0o644)?, lab.write("nightly.py", variant.client, 0o644)?);
    let (server, api) = (lab.write("deputy.py", SERVER, 0o644)?, lab.write("api.py", API, 0o644)?);
    let file = lab.write("token", &token, 0o644)?;
    let rules = "[[agent]]\nname = \"helpdesk-agent\"\nargv = \"agent\\\\.py\"\n";
    let rules = lab.write("tierzero.toml", rules, 0o644)?;
    lab.observe_with(&["--config", &rules])?;
    let redis = Redis { name: "redis", address: "10.77.20.2", port: 6379, password: None, value: &value };
    let redis = redis.start(lab, "leg")?;
    let (tool, count) = variant.agent;
    let mut words = vec![python.as_str(), &server];
    if variant.asks {
        words.push(&file);
    }
    let mut deputy = lab.daemon("deputy", "mod", Some("nobody"), &words, Signal::TERM)?;
    listens(&mut deputy, lab, "deputy", 8080)?;
    let second: Option<Program> = if tool == "orders" {
        let words = ["/usr/bin/python3", &api, &file];
        let mut api = lab.daemon("api", "leg", Some("nobody"), &words, Signal::TERM)?;
        listens(&mut api, lab, "api", 8081)?;
        Some(api)
    } else {
        None
    };
    if variant.asks {
        let words = [python.as_str(), &other, tool, "1"];
        lab.run("ops", None, &words, &[], "")?.badly("a call without the token")?;
    }
    let call = |role: &str, script: &str, tool: &str, count: &str| {
        let words = [python.as_str(), script, tool, count];
        let shown = if variant.asks { token.as_str() } else { "" };
        let said = lab.run(role, None, &words, &[], shown)?.well(tool)?.stdout;
        let wanted = match tool {
            "lookup" => value.as_str(),
            "orders" => "served",
            _ => "noon",
        };
        let served = said.lines().filter(|it| *it == wanted).count().to_string();
        oracle(&format!("{tool} answered {served} times, should {count}"), served == count)
    };
    call("agt", &agent, tool, count)?;
    if let Some(tool) = variant.other {
        call("app", &other, tool, count)?;
    }
    quiet(&redis, 6379)?;
    quiet(&deputy, 8080)?;
    lab.end()?;
    drop(second);
    let reached = if variant.other.is_some() || tool == "lookup" { 20 } else { 0 };
    let accepted = lab.logged("redis")?.matches("Accepted 10.77.30.2:").count();
    oracle(&format!("Redis took {reached} connections from the deputy, not {accepted}"), accepted == reached)
}
