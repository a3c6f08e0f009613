/** `npx tsx tools/write-pool-schema.ts`: writes assets/pool.schema.json from the schema that pool files are checked with. */
import { join } from "node:path";
import { poolJsonSchema } from "../src/config/index.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";

writeFileAtomic(
  join(import.meta.dirname, "../assets/pool.schema.json"),
  `${JSON.stringify(poolJsonSchema(), null, 2)}\n`,
);
