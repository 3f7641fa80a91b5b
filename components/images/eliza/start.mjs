// Starts one elizaOS character. First it looks whether all is there that its plugins need, says by name what is missing
// and exits with 78 (EX_CONFIG of sysexits.h), so that a missing token is one line in the log and not a silent bot.
//
// usage: node start.mjs start --character FILE
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const MISCONFIGURED = 78;
const FAILED = 1;
// Written when the image is built: {plugins: {package: {for: text, variables: [name]}}}.
const needs = JSON.parse(readFileSync(new URL("needs.json", import.meta.url), "utf8"));

const problems = [];
const secrets = readSecretFiles(process.env.AGENT_SECRETS || "/etc/agent-secrets");
const character = readCharacter(characterFile());
const port = readPort(process.env.SERVER_PORT || "3000");
checkPlugins(character?.plugins ?? []);
const folder = process.env.POSTGRES_URL ? undefined : checkDatabaseFolder();
giveUpOnProblems();
setSafeDefaults();
await run();

/** Files of the mounted secret become variables; what stands in a file wins. */
function readSecretFiles(from) {
  if (!existsSync(from)) return [];
  const names = readdirSync(from).filter((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  for (const name of names) {
    try {
      process.env[name] = readFileSync(join(from, name), "utf8").replace(/\r?\n$/, "");
    } catch (error) {
      problems.push(`the secret file ${join(from, name)} cannot be read: ${error.code}`);
    }
  }
  return names;
}

function characterFile() {
  try {
    const { values } = parseArgs({ allowPositionals: true, options: { character: { type: "string" } } });
    if (values.character) return resolve(values.character);
    problems.push("no character is named; usage: start --character FILE");
  } catch (error) {
    problems.push(`${error.message}; usage: start --character FILE`);
  }
  return undefined;
}

function readCharacter(file) {
  if (!file) return undefined;
  let value;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    problems.push(`the character ${file} cannot be read: ${error.code ?? error.message}`);
    return undefined;
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    problems.push(`the character ${file} is no JSON object`);
    return undefined;
  }
  return value;
}

function readPort(text) {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  problems.push(`SERVER_PORT is ${JSON.stringify(text)}, which is no port`);
  return undefined;
}

function checkPlugins(plugins) {
  if (!Array.isArray(plugins)) {
    problems.push("the character's plugins are no list");
    return;
  }
  for (const name of plugins) {
    const need = Object.hasOwn(needs.plugins, name) ? needs.plugins[name] : undefined;
    if (!need) {
      problems.push(`the character asks for ${name}, which this image has not; it has ${Object.keys(needs.plugins).join(", ")}`);
      continue;
    }
    for (const variable of need.variables) {
      if (!process.env[variable]?.trim()) problems.push(`${variable} is missing; ${name} (${need.for}) needs it`);
    }
  }
}

/** Where PGlite keeps what the agent remembers, when no PostgreSQL is given. */
function checkDatabaseFolder() {
  const wanted = resolve(process.env.PGLITE_DATA_DIR || ".eliza/.elizadb");
  try {
    mkdirSync(wanted, { recursive: true });
    accessSync(wanted, constants.W_OK);
    if (!statSync(wanted).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
  } catch (error) {
    problems.push(`${wanted} cannot be written (${error.code}); mount a folder there, or set PGLITE_DATA_DIR or POSTGRES_URL`);
  }
  return wanted;
}

function giveUpOnProblems() {
  if (problems.length === 0) return;
  for (const problem of problems) tell("error", problem);
  process.exit(MISCONFIGURED);
}

/** elizaOS is open, chatty and forgetful with nothing said; whoever wants that says so. */
function setSafeDefaults() {
  process.env.NODE_ENV ||= "production";
  process.env.LOG_JSON_FORMAT ||= "true";
  // elizaOS reports errors to its makers unless another Sentry is named; this is none, and its SDK says so in the log.
  process.env.SENTRY_DSN ||= "off";
  // A missing plugin is an error, nothing to download.
  process.env.ELIZA_NO_PLUGIN_AUTO_INSTALL = "true";
  process.env.ELIZA_UI_ENABLE ||= "false";
  // Without a token anybody who reaches the port may read, change and stop the agent over /api.
  process.env.ELIZA_SERVER_AUTH_TOKEN ||= randomBytes(32).toString("hex");
  // elizaOS writes its environment, encrypted with this, to its database; with none the key is a published constant.
  process.env.SECRET_SALT ||= randomBytes(32).toString("hex");
}

async function run() {
  const { validateCharacter } = await import("@elizaos/core");
  const checked = validateCharacter(character);
  if (!checked.success) {
    tell("error", `elizaOS refuses the character: ${checked.error.message}`);
    process.exit(MISCONFIGURED);
  }
  const { AgentServer } = await import("@elizaos/server");
  const state = { phase: "starting", server: undefined };
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => (state.phase = "stopping"));
  process.on("uncaughtException", (error) => {
    tell("error", `stopped by an error that nobody handles: ${error?.stack ?? error}`);
    process.exit(FAILED);
  });
  try {
    state.server = new AgentServer();
    await state.server.start({
      port,
      dataDir: folder,
      postgresUrl: process.env.POSTGRES_URL || undefined,
      middlewares: [readiness(state)],
      agents: [{ character }],
    });
    // elizaOS takes the next free port when its own is taken, where no probe would find it.
    const bound = state.server.server.address()?.port;
    if (bound !== port) throw new Error(`port ${port} is taken`);
  } catch (error) {
    tell("error", `elizaOS did not start: ${error?.stack ?? error}`);
    process.exit(FAILED);
  }
  if (state.phase === "starting") state.phase = "started";
  tell("info", `${character.name} runs on port ${port}${secrets.length ? ` with ${secrets.length} secret files` : ""}`);
}

/** /health says yes once the agent and every service of its plugins run; elizaOS's own says so before they do. */
function readiness(state) {
  return (request, response, next) => {
    if (request.method !== "GET" || request.path !== "/health") return next();
    const services = state.phase === "started" ? unready(state.server) : [];
    const ready = state.phase === "started" && services.length === 0;
    const reason = services.length ? `not running: ${services.join(", ")}` : undefined;
    const status = ready ? "ok" : services.length ? "waiting" : state.phase;
    return response.status(ready ? 200 : 503).json({ status, reason });
  };
}

function unready(server) {
  const agents = server.getAllAgents();
  if (agents.length === 0) return ["the agent"];
  return agents.flatMap((agent) =>
    [...agent.serviceRegistrationStatus].filter(([, status]) => status !== "registered").map(([name, status]) => `${name} (${status})`),
  );
}

function tell(level, message) {
  process.stderr.write(`${JSON.stringify({ timestamp: new Date().toISOString(), level, message })}\n`);
}
