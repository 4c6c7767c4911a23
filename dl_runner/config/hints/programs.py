"""Settings of other programs that are several here: a device's number, Adam's two betas, the sixteen of VGG-16."""

import re

from dl_runner.config.hints.known import Known
from dl_runner.config.hints.vocabulary import folded

Meaning = tuple[list[str], str]  # what to write instead, and what was wrong


def choice_elsewhere(group: str, value: str) -> list[Meaning]:
    """For a choice that is a choice with a key here; [] for any other."""
    if group == "device" and (found := re.fullmatch(r"(?:(?:cuda|gpu)[:_ -]?)?(\d+)", value.lower())):
        return [([f"device.name=cuda:{found[1]}"], "a device by its number is device.name")]
    if group == "optimizer" and folded(value) in ("nesterov", "sgdnesterov", "nag"):
        return [(["optimizer=momentum", "optimizer.nesterov=true"], "is momentum with a key of its own")]
    if group == "model" and (found := re.fullmatch(r"vgg[-_]?(11|13|16|19)(_?bn)?", value.lower())):
        more = ["model.batch_norm=true"] if found[2] else []
        return [(["model=vgg", f"model.depth={found[1]}", *more], "is vgg with a key of its own")]
    if group == "parallel" and value.isdigit():
        return [(["parallel=ddp", f"parallel.devices={value}"], "several devices are parallel=ddp")]
    return []


def setting_elsewhere(key: str, value: str, known: Known) -> list[Meaning]:
    """For a key that is several keys here, or a choice; [] for any other."""
    word, leaf = folded(key), folded(key.rpartition(".")[2])
    on = value.lower() in ("true", "1", "yes", "on")
    if word in ("gpu", "gpuid", "gpuids", "cuda", "cudadevice", "devicegpu", "usegpu", "usecuda", "cudavisibledevices"):
        if value.isdigit() and word not in ("usegpu", "usecuda"):
            return [([f"device.name=cuda:{value}"], "a GPU by its number is device.name")]
        return [([f"device={'cuda' if on else 'cpu'}"], "is device=cuda, or device=cpu")] if value.isalnum() else []
    if word in ("gpus", "numgpus", "ngpus", "ngpu") and value.isdigit():
        if int(value) > 1:
            return [(["parallel=ddp", f"parallel.devices={value}"], "several GPUs are parallel=ddp and their number")]
        return [([f"device={'cuda' if int(value) else 'cpu'}"], "is device=cuda, or device=cpu")]
    pair = re.fullmatch(r"[\[(]([^,]+),([^,]+)[\])]", value)
    if leaf == "betas" and pair:
        choice = [] if "optimizer.beta1" in known.keys else ["optimizer=adam"]
        betas = [f"optimizer.beta1={pair[1].strip()}", f"optimizer.beta2={pair[2].strip()}"]
        return [([*choice, *betas], "are two keys here")]
    return []
