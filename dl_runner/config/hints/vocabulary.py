"""What people call things elsewhere, and what dlrun calls them. Words are compared by `folded`."""

import re

# The keys of other programs: a full key, or the last part of one that a model, an optimizer or a schedule may have.
_KEYS = {
    "optimizer.lr": "learning_rate rate eta step_size base_lr initial_lr init_lr max_lr alpha0",
    "trainer.epochs": "epoch e num_epochs n_epochs nb_epochs max_epochs total_epochs ep",
    "trainer.steps": "step iterations iters num_steps n_steps max_steps max_iter max_iters total_steps num_iterations",
    "data.batch_size": "batch b bs bsz batchsize minibatch mini_batch batch_sizes train_batch_size "
    "per_device_train_batch_size",
    "data.validation": "val val_split validation_split val_size val_fraction val_ratio valid validation_fraction",
    "data.limit": "num_samples max_samples samples subset num_examples n_train train_size limit_train_batches",
    "data.image_size": "img_size size image_resize resize imgsz resolution input_size",
    "data.root": "data_dir data_root data_path dataset_path datadir dataroot root_dir dataset_dir",
    "data.folds": "k_folds kfold num_folds n_folds n_splits cv",
    "seed": "random_seed random_state manual_seed rng s",
    "outputs": "out output output_dir out_dir outdir save_dir savedir log_dir logdir results_dir "
    "default_root_dir run_dir",
    "regularization.weight_decay": "wd decay weightdecay l2_reg lambda",
    "regularization.early_stopping": "patience early_stop es_patience early_stopping_patience earlystopping",
    "regularization.label_smoothing": "smoothing labelsmoothing ls",
    "regularization.dropout": "drop dropout_rate drop_rate dropout_p p_dropout drop_prob dropout_prob",
    "trainer.clip_norm": "clip grad_clip clip_grad gradient_clip gradient_clip_val max_grad_norm clip_grad_norm "
    "grad_norm_clip gradient_clipping",
    "trainer.accumulate": "accumulate_grad_batches gradient_accumulation_steps grad_accum accumulation_steps accum",
    "trainer.evaluate_every": "eval_every val_check_interval check_val_every_n_epoch eval_interval eval_steps",
    "trainer.log_every": "log_every_n_steps log_interval logging_steps print_freq print_every",
    "trainer.checkpoint_every": "save_every checkpoint_interval save_interval save_steps",
    "schedule.warmup": "warmup_steps warmup_epochs num_warmup_steps warm_up lr_warmup",
    "device.precision": "amp fp16 bf16 mixed_precision half dtype",
    "device.threads": "num_threads n_jobs cpus cores n_threads",
    "parallel.devices": "gpus num_gpus n_gpus ngpus nproc_per_node world_size num_devices",
    "tracker.tensorboard": "tb logger",
    "sweep.name": "name experiment_name exp_name run_name sweep_name",
    "pretrained.from": "pretrained_weights init_from load_from weights load",
    "dropout": "drop dropout_rate drop_rate dropout_p p_dropout drop_prob dropout_prob",
    "hidden": "hiddens hidden_size hidden_sizes hidden_dim hidden_dims num_hiddens hidden_units units n_hidden "
    "hidden_layers hidden_layer_sizes d_ff ffn_num_hiddens dim_feedforward",
    "layers": "num_layers n_layers nlayers n_layer num_blks num_hidden_layers",
    "heads": "num_heads n_heads nhead n_head num_attention_heads",
    "width": "d_model n_embd embed_dim hidden_width",
    "embedding": "embed_size embedding_dim embedding_size emb_dim",
    "activation": "act act_fn nonlinearity activation_fn",
    "pooling": "pool pool_type",
    "beta1": "b1",
    "beta2": "b2",
    "eps": "epsilon",
    "momentum": "mom mu",
    "batch_norm": "bn batchnorm use_bn",
    "depth": "num_convs",
}
_SECTIONS = {
    "model": "net network arch architecture backbone m",
    "data": "dataset datamodule ds d corpus",
    "optimizer": "optim opt optimiser o",
    "trainer": "train training fit trainer_args loop",
    "schedule": "scheduler lr_scheduler lr_schedule sched learning_rate_schedule",
    "loss": "criterion loss_fn loss_function objective cost",
    "augment": "augmentation augmentations transform transforms aug",
    "regularization": "regularizer reg regularisation regularize",
    "init": "initialization initializer initialisation weight_init",
    "tracker": "logger logging log",
    "parallel": "strategy distributed ddp_backend accelerator_strategy",
    "device": "accelerator hardware",
    "experiment": "exp recipe config_preset lesson lessons",
    "tokenizer": "tokenization tokeniser",
}
# Choices by other names.
_CHOICES = {
    "device": {"cuda": "gpu nvidia", "auto": "best any none"},
    "loss": {
        "cross_entropy": "ce xent nll softmax cross_entropy_loss categorical_crossentropy "
        "sparse_categorical_crossentropy",
        "mse": "mean_squared_error mse_loss l2",
        "l1": "mae mean_absolute_error l1_loss",
    },
    "schedule": {
        "cosine": "cosine_annealing cosine_annealing_lr cos cosine_decay",
        "step": "step_lr steps step_decay",
        "multi_step": "multi_step_lr",
        "exponential": "exponential_lr exp exponential_decay",
        "reduce_on_plateau": "plateau reduce_lr_on_plateau",
        "constant": "none no off fixed false null",
        "noam": "transformer inverse_sqrt",
    },
    "optimizer": {"momentum": "sgd_momentum sgdm heavy_ball"},
    "init": {
        "kaiming": "he kaiming_normal he_normal",
        "xavier_uniform": "glorot xavier glorot_uniform",
        "xavier_normal": "glorot_normal",
    },
    "augment": {"flip": "horizontal_flip hflip random_horizontal_flip", "crop": "random_crop"},
    "regularization": {"weight_decay": "wd", "early_stopping": "early_stop"},
    "parallel": {"data_parallel": "dp", "ddp": "distributed_data_parallel", "none": "single"},
    "data": {"fashion_mnist": "fashion fmnist", "cifar10": "cifar", "tiny_shakespeare": "shakespeare"},
    "model": {"softmax": "softmax_regression logistic_regression logistic", "mlp": "dense fcnn feedforward"},
    "layers": {"scratch": "from_scratch", "torch": "pytorch nn"},
}
_PRECISIONS = {
    "bf16": "16 fp16 half mixed 16_mixed bf16_mixed bfloat16 float16 amp true",
    "fp32": "32 float32 full false float single",
}
# What other programs have to be told, and what it is here.
_ABSENT = {
    "batches are made on the device, without workers": "num_workers workers n_workers pin_memory persistent_workers "
    "dataloader_num_workers",
    "sizes that depend on the data come from them": "num_classes n_classes classes in_channels channels input_dim "
    "output_dim num_labels vocab_size input_shape",
    "the training data are shuffled in every epoch": "shuffle",
    "tracker.console says what a run prints": "verbose quiet debug_mode progress_bar",
    "a run folder is named after the time, and outputs=DIR is where it lies": "name run_name experiment_name exp_name",
    "every run saves its best and its last weights": "save save_model save_best checkpoint save_top_k",
}
_VERBS = {
    "evaluate": "eval test validate val score measure",
    "predict": "infer inference prediction classify",
    "resume": "restart go_on goon proceed recover",
    "tensorboard": "tb board",
    "list": "ls choices options groups",
    "summary": "describe print params parameters count inspect",
    "compare": "diff plot table results leaderboard",
    "check": "verify lint",
}
UNITS = ("step", "steps", "epoch", "epochs", "minute", "minutes")
# First words that start a run elsewhere: a run needs none here.
STARTS = ("dlrun", "dl_runner", "dl-runner", "train", "run", "fit", "start", "training", "launch", "execute")
STARTS += ("go", "begin", "main", "torchrun")
SWEEPS = ("sweep", "multirun", "grid", "search", "tune", "gridsearch", "grid_search", "hparams")
OF_RUNS = ("resume", "checkpoint", "ckpt", "ckptpath", "resumefrom", "resumefromcheckpoint", "continue", "restart")
FLAGS = {"gpu": "device=cuda", "cuda": "device=cuda", "cpu": "device=cpu", "nocuda": "device=cpu"}


def folded(word: str) -> str:
    """A word without case, dashes, underscores and spaces."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _by_alias(table: dict[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, aliases in table.items():
        for alias in aliases.split():
            found[folded(alias)] = (*found.get(folded(alias), ()), name)
    return found


KEYS = _by_alias(_KEYS)
SECTIONS = {alias: names[0] for alias, names in _by_alias(_SECTIONS).items()}
CHOICES = {group: {alias: names[0] for alias, names in _by_alias(table).items()} for group, table in _CHOICES.items()}
PRECISIONS = {alias: names[0] for alias, names in _by_alias(_PRECISIONS).items()}
NOTHING = {alias: reasons[0] for alias, reasons in _by_alias(_ABSENT).items()}
COMMANDS = {alias: names[0] for alias, names in _by_alias(_VERBS).items()}
