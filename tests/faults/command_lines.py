"""Random command lines: real keys and choices, changed as tired fingers, shells and other programs change them."""

import random
from functools import cache

from omegaconf import OmegaConf

from dl_runner.config.compose import compose
from dl_runner.config.search_path import choices, groups

VALUES = (
    *("", "''", '""', "[]", "{}", "[1", "{a:1}", "[[]]", "[{}]", "{a:", "(", ")", ":", "=", "a=b", ",", "a,b", "1,,2"),
    *("0", "-1", "1", "3", "0.5", "1e400", "-1e-400", "nan", "-inf", "9" * 30, "9" * 400, "9" * 5000, "1_000", "010"),
    *("0x10", "1:30", ".5e3", "+5", "1.", "2020-01-01", "true", "TRUE", "yes", "off", "null", "None", "~", "auto"),
    *(
        "${nope}",
        "${seed}",
        "${.name}",
        "${oc.env:NOPE}",
        "${oc.env:HOME}",
        "${",
        "${}",
        "$HOME",
        "${hydra:runtime.cwd}",
    ),
    *("${hydra:job.num}", "${now:%Y}", "${unless:1}", "${nope:1}", '"${oc.decode:${seed}}"', "${seed}${seed}", "???"),
    *("choice(1,2)", "range(3)", "range(1,0)", "range(0)", "interval(0,1)", "interval(1,0)", "tag(log,interval(1,2))"),
    *("tag(x,1)", "glob(*)", "sort(3,1)", "shuffle(1,2)", "cast", "int(3.5)", "str(3)", "json_str({})", "choice()"),
    *(
        "ü",
        "日本",
        "😀",
        "e\u0301",
        "\u202e",
        "\u00a0",
        "a b",
        " a",
        "'a",
        'b"',
        "'a b'",
        "\t",
        "a\nb",
        "\x7f",
        "\ud800",
    ),
    *("~/x", "../x", "/dev/null", "C:\\x", "\\", "\\'", "%s", "{0}", "*", "@x", "#x", "a@b", "x" * 5000, "[/bold]"),
    *("2 epochs", "10 minutes", "1 epoch 2", "-3 steps", "cuda:99", "gpu", "best", "lenet", "sgd", "[a,b]", "[1,2]"),
)
OPTIONS = (
    *(["-m"], ["--multirun"], ["--cfg", "job"], ["--cfg"], ["--cfg", "jobs"], ["--cfg=all"], ["-c", "hydra"]),
    *(["--config-dir", "nowhere"], ["--config-dir"], ["--config-dir=."], ["-cd", "/dev/null"], ["--config-path", "x"]),
    *(["--config-name", "x"], ["--config-name", "config"], ["--resolve"], ["--package", "model"], ["-p"], ["--info"]),
    *(["--info", "x"], ["--info=searchpath"], ["-h"], ["--help"], ["--hydra-help"], ["--version"], ["--run"], ["-r"]),
    *(
        ["-sc"],
        ["-sc", "query=bash"],
        ["--experimental-rerun", "x"],
        ["--epochs", "5"],
        ["--lr=1"],
        ["--"],
        ["-"],
        ["-x"],
    ),
)
HYDRAS = (
    *("hydra.run.dir=x", "hydra.sweep.dir=x", "hydra.sweep.subdir=x", "hydra.output_subdir=x", "hydra.job.name=x"),
    *("hydra/launcher=basic", "hydra/launcher=nope", "hydra/launcher=[basic]", "hydra.launcher.jobs=2", "hydra.mode=x"),
    *(
        "hydra.mode=MULTIRUN",
        "hydra.verbose=true",
        "hydra/sweeper=nope",
        "hydra.sweeper.params=3",
        "hydra=x",
        "hydra/x=y",
    ),
    *("hydra.sweeper.max_batch_size=x", "+hydra.sweeper.params.seed='1,2'", "hydra.searchpath=[nowhere]", "~hydra"),
    *(
        "hydra.searchpath=x",
        "hydra.searchpath=[pkg://nope]",
        "hydra/job_logging=none",
        "hydra.nope=1",
        "hydra.callbacks={}",
    ),
    *("sweep=optuna", "sweep.n=0", "sweep.name=a/b", "sweep.name=a", "sweep.job=x", "sweep.search=x", "sweep=random"),
)
VERBS = (
    *(["summary"], ["list"], ["list", "models"], ["list", "x"], ["list", ""], ["evaluate"], ["evaluate", "nowhere"]),
    *(
        ["evaluate", "."],
        ["resume", "nowhere"],
        ["resume"],
        ["predict", "nowhere", "x"],
        ["compare", "nowhere"],
        ["predict"],
    ),
    *(
        ["tensorboard", "nowhere"],
        ["evaluate", "nowhere", "--split", "x"],
        ["resume", ".", "--devices", "x"],
        ["train"],
    ),
    *(
        ["help"],
        ["summary", "--picture"],
        ["compare", "--nope"],
        ["list", "--config-dir", "nowhere"],
        ["Summary"],
        ["run"],
    ),
)


@cache
def keys(group: str | None = None, choice: str | None = None) -> list[tuple[str, object]]:
    """The dotted keys of a config with their values: the default one, or with one other choice."""
    found: list[tuple[str, object]] = []

    def walk(prefix: str, values: dict) -> None:
        for name, value in values.items():
            found.append((f"{prefix}{name}", value))
            if isinstance(value, dict):
                walk(f"{prefix}{name}.", value)

    composed = OmegaConf.to_container(compose([f"{group}={choice}"] if group else []), resolve=False)
    walk("", {name: value for name, value in composed.items() if name != "hydra"})
    return found


def line(number: int) -> list[str]:
    """The arguments of command line `number`, the same in every process."""
    rng = random.Random(number)
    sweep, arguments = rng.random() < 0.3, []
    for _ in range(rng.choice((1, 1, 2, 2, 3, 5))):
        arguments += _arguments(rng, sweep)
    if sweep:
        arguments.insert(rng.randrange(len(arguments) + 1), "-m")
    if rng.random() < 0.15:
        place = rng.randrange(len(arguments) + 1)
        arguments[place:place] = rng.choice(OPTIONS)
    if rng.random() < 0.1:
        arguments = [*rng.choice(VERBS), *arguments[: rng.randrange(3)]]
    return arguments


def _arguments(rng: random.Random, sweep: bool) -> list[str]:
    """A setting of Hydra's or the sweep's; a choice of a group; or a key, together with the choice that has it."""
    kind, changes = rng.random(), rng.random() < 0.35
    if kind < 0.06:
        return [rng.choice(HYDRAS)]
    group = rng.choice(groups())
    names = choices(group)
    if kind < 0.3:
        several = rng.sample(names, min(len(names), rng.choice((1, 2, 3) if sweep else (1, 1, 1, 1, 2))))
        chosen = f"{group}={','.join(several)}"
        return [_changed(rng, chosen) if changes else chosen]
    name = rng.choice(names)
    within = rng.random() < 0.5 and group not in ("experiment", "debug", "sweep")
    known = [one for one in keys(group, name) if one[0].startswith(f"{group}.")] if within else keys()
    key, value = rng.choice(known or keys())
    value = rng.choice(VALUES) if rng.random() < 0.6 else _near(rng, value)
    return [*([f"{group}={name}"] if within else []), _changed(rng, f"{key}={value}") if changes else f"{key}={value}"]


def _near(rng: random.Random, value: object) -> str:
    """The value itself, or another of its kind."""
    if isinstance(value, bool):
        return rng.choice(("true", "false"))
    if isinstance(value, int | float):
        return rng.choice((str(value), str(value * 2), f"{value},{value * 2}", str(-value), "0", "1"))
    return "null" if value is None else str(value)


def _changed(rng: random.Random, override: str) -> str:
    key, _, value = override.partition("=")
    kind = rng.random()
    if kind < 0.25:
        place = rng.randrange(len(key))
        key = key[:place] + rng.choice(("", "x", ".", "-", "_", " ", "ü", "/", "@", "$")) + key[place + 1 :]
    elif kind < 0.4:
        key = rng.choice((key.upper(), key.replace(".", "/"), key.split(".")[-1], f"{key}.x", f".{key}", f"{key}@x"))
    elif kind < 0.6:
        return rng.choice(("+", "++", "~", "-", "--")) + override
    elif kind < 0.8:
        return f"{key}{rng.choice(('', ' ', '==', ':', ' = '))}{value}"
    else:
        value = rng.choice(VALUES)
    return f"{key}={value}"
