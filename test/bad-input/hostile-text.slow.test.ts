/** Hostile tokenizers and chat templates. */
import { CASES as CHAT_TEMPLATE } from "./hostile/chat-template.ts";
import { checkGroup } from "./hostile/check-group.ts";
import { CASES as TOKENIZER } from "./hostile/tokenizer.ts";

checkGroup("tokenizer", TOKENIZER);
checkGroup("chat-template", CHAT_TEMPLATE);
