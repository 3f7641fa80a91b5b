// Reads a JSON list of texts from standard input; writes for each null when elizaOS accepts it, else its message.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const installed = createRequire(join(process.argv[2], "package.json"));
const { parseAndValidateCharacter } = await import(pathToFileURL(installed.resolve("@elizaos/core")));
const verdicts = JSON.parse(readFileSync(0, "utf8")).map((text) => {
  const result = parseAndValidateCharacter(text);
  return result.success ? null : result.error.message;
});
process.stdout.write(JSON.stringify(verdicts));
