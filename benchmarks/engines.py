"""The engines that `benchmarks/score.py` compares: ours and its peers, each as one function.

A builder returns a function from ids and mask (int64 [n, length]) to both heads' logits, or
raises `SkipEngine` with the reason why this machine can't run it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from monitor.model.bundle import CONFIG, WEIGHTS, Bundle
from monitor.model.cpu import compile_network, compile_options

Logits = tuple[Any, Any]
Engine = Callable[[Any, Any], Logits]
OUTPUTS = ["topic_logits", "sentiment_logits"]


class SkipEngine(Exception):  # noqa: N818 - it is no error
    """This engine can't run here, and why."""


def need(module: str) -> None:
    """Skip the engine where a module is not installed."""
    if importlib.util.find_spec(module) is None:
        raise SkipEngine(f"{module} is not installed")


def openvino_engine(file: Path, options: dict[str, Any]) -> Engine:
    """An ONNX file in OpenVINO on the CPU."""
    import openvino

    return _of(openvino.Core().compile_model(str(file), "CPU", options))


def _of(model: Any) -> Engine:
    request = model.create_infer_request()

    def run(ids: Any, mask: Any) -> Logits:
        out = request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)
        return out[OUTPUTS[0]], out[OUTPUTS[1]]

    return run


def our_engine(file: Path, threads: int) -> Engine:
    """The network compiled as newsurge serves it."""
    return _of(compile_network(file, threads)[0])


def openvino_options(precision: str, threads: int, group: int | None = None) -> dict[str, Any]:
    """Options for a peer: ours, but for precision and the groups of dynamic quantisation."""
    options = compile_options(precision == "bf16", threads)
    options["INFERENCE_PRECISION_HINT"] = precision
    if group is not None:
        options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = group
    return options


def onnxruntime_engine(file: Path, threads: int) -> Engine:
    """An ONNX file in ONNX Runtime on the CPU."""
    need("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, ["CPUExecutionProvider"])

    def run(ids: Any, mask: Any) -> Logits:
        topic, sentiment = session.run(OUTPUTS, {"input_ids": ids, "attention_mask": mask})
        return topic, sentiment

    return run


def onnxruntime_dynamic_engine(fp32: Path, directory: Path, threads: int) -> Engine:
    """ONNX Runtime's own dynamic int8, the usual recipe."""
    need("onnxruntime")
    need("onnx")
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)
    target = directory / "dynamic.onnx"
    quantize_dynamic(fp32, target, weight_type=QuantType.QInt8)
    logging.disable(logging.NOTSET)
    return onnxruntime_engine(target, threads)


def torch_engine(bundle: Bundle, precision: str, threads: int) -> Engine:
    """A full bundle's weights in torch on the CPU."""
    if not {WEIGHTS, CONFIG} <= bundle.meta.files.keys():
        raise SkipEngine("the bundle is not a full one")
    for module in ("torch", "transformers", "safetensors"):
        need(module)
    import torch

    from monitor.model.network import load_network

    torch.set_num_threads(threads)
    network = load_network(bundle).to(torch.bfloat16 if precision == "bf16" else torch.float32)

    def run(ids: Any, mask: Any) -> Logits:
        with torch.inference_mode():
            topic, sentiment = network(torch.from_numpy(ids), torch.from_numpy(mask))
        return topic.float().numpy(), sentiment.float().numpy()

    return run


def dequantised(onnx_file: Path, target: Path) -> Path:
    """Write the network with its int8 weights turned into the fp32 that they stand for."""
    need("onnx")
    import onnx
    from onnx import numpy_helper

    model = onnx.load(onnx_file)
    held = {each.name: each for each in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear":
            kept.append(node)
            continue
        weight, scale, *zero = (numpy_helper.to_array(held[name]) for name in node.input)
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1) % weight.ndim
        shape = [-1 if index == axis and scale.ndim else 1 for index in range(weight.ndim)]
        level = weight.astype(np.float32)
        if zero:
            level = level - zero[0].astype(np.float32).reshape(shape)
        value = level * scale.astype(np.float32).reshape(shape)
        model.graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    remaining = [each for each in model.graph.initializer if each.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(remaining)
    onnx.save(model, target)
    return target


def products(file: Path) -> list[tuple[int, int]]:
    """The (inputs, outputs) of every product with weights in the network, in order."""
    import openvino
    from openvino.passes import ConstantFolding, Manager

    model = openvino.Core().read_model(str(file))
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    found = []
    for node in model.get_ops():
        if node.get_type_name() != "MatMul":
            continue
        weight = node.input_value(1).get_node()
        if weight.get_type_name() == "Constant":
            rows, columns = list(weight.get_output_shape(0))[-2:]
            is_transposed = node.get_attributes()["transpose_b"]
            found.append((columns, rows) if is_transposed else (rows, columns))
    return found


def products_engine(file: Path, options: dict[str, Any], *, is_int8: bool) -> Engine:
    """Only the products with weights, one after the other, at the shapes of the network.

    With `is_int8` the weights are int8 as in the bundle, else bf16. No attention, no norm, no
    embedding: what remains is what the matrix units must do in any case.
    """
    import openvino
    from openvino import opset13 as ops

    shapes = products(file)
    source = ops.parameter([-1, shapes[0][0]], np.float32, name="x")
    latest: dict[int, Any] = {shapes[0][0]: source}
    for width, out in shapes:
        if width in latest:  # each product feeds the next one that takes its width
            weights = _weights(ops, width, out, is_int8=is_int8)
            latest[out] = ops.matmul(latest[width], weights, False, True)
    model = openvino.Model(list(latest.values()), [source], "products")
    request: Any = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
    inputs: dict[int, Any] = {}

    def run(ids: Any, mask: Any) -> Logits:
        del mask
        if ids.size not in inputs:
            inputs[ids.size] = np.ones((ids.size, shapes[0][0]), np.float32)
        request.infer([inputs[ids.size]], share_inputs=True, share_outputs=True)
        return (np.zeros((len(ids), 2), np.float32),) * 2

    return run


def _weights(ops: Any, width: int, out: int, *, is_int8: bool) -> Any:
    draw = np.random.default_rng(width * out)
    if not is_int8:
        return ops.constant(draw.standard_normal((out, width)).astype(np.float32) * 0.02)
    levels = ops.convert(ops.constant(draw.integers(0, 255, (out, width), np.uint8)), np.float32)
    scale = np.full((out, 1), 0.0003, np.float32)
    return ops.multiply(ops.subtract(levels, ops.constant(np.float32(128))), ops.constant(scale))
