/** `npx tsx tools/write-fuse-schema.ts`: writes assets/fuse.schema.json from the schema that fuse files are checked with. */
import { join } from "node:path";
import { fuseJsonSchema } from "../src/config/index.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";

writeFileAtomic(
  join(import.meta.dirname, "../assets/fuse.schema.json"),
  `${JSON.stringify(fuseJsonSchema(), null, 2)}\n`,
);
