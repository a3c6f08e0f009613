/** Configuration files: schemas, reading, and errors that name file, line and field. */
export {
  type FuseConfig,
  type FuseDomainConfig,
  type FuseHoldout,
  loadFuseConfig,
} from "./fuse-config.ts";
export { fuseJsonSchema } from "./fuse-schema.ts";
export {
  FUSE_TARGET_NAMES,
  FUSE_TARGETS,
  type FuseTarget,
  type FuseTargetName,
} from "./fuse-targets.ts";
export { listedModel, type ModelListing, type ModelPrices, modelPrices } from "./model-prices.ts";
export {
  type PolicyConfig,
  type PolicyOverride,
  policyKeys,
  policyOverrideSchema,
  policySchema,
} from "./policy-config.ts";
export {
  loadPoolConfig,
  type PoolConfig,
  type PoolModelConfig,
  RESERVED_MODEL_PREFIX,
} from "./pool-config.ts";
export { poolJsonSchema } from "./pool-schema.ts";
export { loadRubric, type RubricConfig } from "./rubric-config.ts";
export { describeIssue, fieldName, type IssueDescription } from "./schema-issue.ts";
export { readYamlFile, type YamlFile, type YamlFileOptions } from "./yaml-file.ts";
