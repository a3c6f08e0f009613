/** `tutti router export`: a trained router as one ONNX file for any runtime. */
import { Command, Option } from "commander";
import { exportRouter, ROUTER_PRECISIONS, type RouterPrecision } from "../../routing/export/index.ts";
import { loadRouters, routerNamed } from "../../routing/router-folder.ts";
import { printResult, say } from "../io.ts";

interface Flags {
  readonly router: string;
  readonly out: string;
  readonly method?: string;
  readonly precision: RouterPrecision;
}

export function routerExportCommand(): Command {
  return new Command("export")
    .summary("write a router as one ONNX file for Python, browsers and other runtimes")
    .description(
      "model.onnx takes token ids and a mask and gives a score per candidate; manifest.json says how to tokenise.\n" +
        "Lookahead models, mlc, and the latent variant and ridge over an encoder can be exported.",
    )
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .requiredOption("--out <dir>", "new folder")
    .option("--method <name>", "router of the folder; its default otherwise")
    .addOption(
      new Option("--precision <type>", "f32: the router's scores; int8: a quarter of the size, near them")
        .choices([...ROUTER_PRECISIONS])
        .default("f32"),
    )
    .addHelpText(
      "after",
      "\nExample:\n  tutti router export --router runs/first --precision int8 --out router-onnx",
    )
    .action(async (flags: Flags) => {
      const loaded = loadRouters(flags.router);
      const router =
        flags.method === undefined ? loaded.default : routerNamed(loaded.routers, flags.method, flags.router);
      const manifest = exportRouter(router, flags.out, { precision: flags.precision });
      const { method, kind, candidates, precision, files, quantizationError } = manifest;
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      say(
        `${method} (${kind}), ${candidates.length} candidates, ${precision}, ${(bytes / 1e6).toFixed(1)} MB` +
          (quantizationError === undefined
            ? ""
            : `, error ${(100 * quantizationError).toFixed(2)}% of the weights`),
      );
      say(`digest ${manifest.digest}`);
      printResult(flags.out);
    });
}
