//! Words that scripts and libraries write around weights.

/// Keys under which training scripts put a state dict, the likeliest first; used where no network's names are known.
pub(super) const CONTAINERS: [&str; 20] = [
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema",
    "params_ema",
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "encoder",
    "backbone",
    "generator",
    "net_state_dict",
    "student",
    "teacher",
];

/// Parts of names that wrappers add: DataParallel and DDP, torch.compile, FSDP, activation checkpointing, DeepSpeed.
pub(super) const WRAPPERS: [&str; 8] = [
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_forward_module",
    "_module",
    "_original_module",
    "_wrapped_model",
];

/// Parts of a prefix by which averaged weights are known.
pub(super) const AVERAGED: [&str; 15] = [
    "ema",
    "ema_model",
    "model_ema",
    "ema_state_dict",
    "state_dict_ema",
    "model_state_dict_ema",
    "params_ema",
    "weights_ema",
    "swa",
    "swa_model",
    "model_swa",
    "averaged",
    "averaged_model",
    "averagemodel",
    "ema_weights",
];

/// Words in a part of a prefix by which averaged weights are known: `net_ema`, `averaged_net`.
pub(super) const AVERAGES: [&str; 6] = ["ema", "swa", "averaged", "average", "lawa", "polyak"];

/// Words in a part of a prefix by which a copy is known that is not the result: an earlier one, or another network that was
/// trained against.
pub(super) const BEHIND: [&str; 29] = [
    "init",
    "initial",
    "initialisation",
    "initialization",
    "old",
    "older",
    "prev",
    "previous",
    "last",
    "latest",
    "pretrained",
    "pretrain",
    "start",
    "before",
    "backup",
    "bak",
    "discriminator",
    "disc",
    "critic",
    "target",
    "reference",
    "ref",
    "frozen",
    "anchor",
    "snapshot",
    "history",
    "worst",
    "fallback",
    "queue",
];

/// Whole parts of a prefix that say the same.
pub(super) const APART: [&str; 5] = ["netd", "net_d", "d", "encoder_k", "target_encoder"];

/// Words of which the usual containers are made: `best_model_state_dict`, `student`.
pub(super) const USUAL: [&str; 25] = [
    "state",
    "dict",
    "statedict",
    "states",
    "model",
    "net",
    "network",
    "weights",
    "weight",
    "params",
    "parameters",
    "best",
    "final",
    "trained",
    "checkpoint",
    "ckpt",
    "student",
    "backbone",
    "encoder",
    "generator",
    "classifier",
    "main",
    "module",
    "variables",
    "pytorch",
];

/// The encoder of a pair that is trained by gradients, which is the one to use.
pub(super) const TRAINED: [&str; 4] = ["encoder_q", "online", "online_encoder", "online_network"];

/// Parts of a prefix that belong to an optimizer.
pub(super) const OPTIMIZER: [&str; 22] = [
    "optimizer",
    "optimizers",
    "optimizer_states",
    "optimizer_state_dict",
    "optim",
    "optimizer_state",
    "opt",
    "momentum",
    "momentum_buffer",
    "exp_avg",
    "exp_avg_sq",
    "max_exp_avg_sq",
    "square_avg",
    "grad",
    "grads",
    "gradients",
    "velocity",
    "mu",
    "nu",
    "slow_buffer",
    "scheduler",
    "lr_schedulers",
];

/// Siblings of a backbone's prefix that hold the head.
pub(super) const HEADS: [&str; 9] = [
    "head",
    "cls_head",
    "classifier",
    "fc",
    "heads",
    "classification_head",
    "linear",
    "head_module",
    "decoder",
];

/// Names of values that profilers, counters and averages leave within a network, and of constants that some libraries save with it.
pub(super) const COUNTERS: [&str; 11] = [
    "relative_position_index",
    "relative_coords_table",
    "attn_mask",
    "total_ops",
    "total_params",
    "num_batches_tracked",
    "n_averaged",
    "num_updates",
    "flops",
    "params_count",
    "__flops__",
];
