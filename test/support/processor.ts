/** What the processor can do, where a promise holds for some of them only. */
import { existsSync, readFileSync } from "node:fs";

const CPUINFO = "/proc/cpuinfo";
const flags = existsSync(CPUINFO) ? (/^flags\s*:(.*)$/m.exec(readFileSync(CPUINFO, "utf8"))?.[1] ?? "") : "";

/** Whether it has an instruction set of x86, such as "avx512f"; false where that cannot be told. */
export const hasInstructions = (name: string): boolean => flags.split(" ").includes(name);
