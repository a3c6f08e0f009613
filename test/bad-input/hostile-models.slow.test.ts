/** Hostile model folders, adapters, checkpoints and routers, the hub and its cache, and the command line over them. */
import { CASES as ADAPTER } from "./hostile/adapter.ts";
import { checkGroup } from "./hostile/check-group.ts";
import { CASES as CHECKPOINT } from "./hostile/checkpoint.ts";
import { CASES as COMMANDS } from "./hostile/commands.ts";
import { CASES as CONFIG } from "./hostile/config.ts";
import { CASES as HUB } from "./hostile/hub.ts";
import { CASES as ROUTER } from "./hostile/router.ts";

checkGroup("config", CONFIG);
checkGroup("adapter", ADAPTER);
checkGroup("checkpoint", CHECKPOINT);
checkGroup("router", ROUTER);
checkGroup("hub", HUB);
checkGroup("commands", COMMANDS);
