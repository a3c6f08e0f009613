/** Valid files changed at random. */
import { checkGroup } from "./hostile/check-group.ts";
import { CASES } from "./hostile/fuzz.ts";

checkGroup("fuzz", CASES);
