"""One system of bench/precision.ts: `python precision-python.py SYSTEM FOLDER THREADS`, asked and answering in lines.

SYSTEM is torch-fp32, torch-bf16 (weights of bfloat16, under inference_mode), onnxruntime-int8 (an export as optimum makes it, then
onnxruntime's own quantize_dynamic with signed weights a channel), openvino-f32, openvino-bf16 (of the same export, with the hint for
that precision), openvino-int8 (of the quantised export) or sentence-transformers-int8 (its ONNX backend with what its
export_dynamic_quantized_onnx_model makes for AVX-512 VNNI; FOLDER is then its own, and the vectors' first members are the answer;
optimum-onnx 0.1 wants transformers below 5). FOLDER is a checkpoint in Hugging Face layout with the weights
head.score.*; the score is the first token's. A line `BATCH LENGTH SEED` asks for the scores of so many texts of made-up ids; the
answer is {"seconds", "scores"}: of processor's time with one thread, else of the wall's.
"""

import json
import os
import sys
import time

system, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoConfig, BertModel, T5EncoderModel, T5GemmaEncoderModel  # noqa: E402

torch.set_num_threads(threads)
transformers.utils.logging.disable_progress_bar()
config = AutoConfig.from_pretrained(folder)


class Ranker(torch.nn.Module):
    """The checkpoint's encoder and a linear layer on its first token."""

    def __init__(self):
        super().__init__()
        kind, attention, settings = {
            "bert": (BertModel, "sdpa", {"add_pooling_layer": False}),
            "t5": (T5EncoderModel, "eager", {}),
            # A soft cap on its attention's scores is what "eager" alone has.
            "t5gemma": (T5GemmaEncoderModel, "eager", {}),
        }[config.model_type]
        if config.model_type == "t5gemma":
            config.is_encoder_decoder = False
            settings = {"config": config}
        self.encoder = kind.from_pretrained(folder, attn_implementation=attention, **settings)
        weights = load_file(os.path.join(folder, "model.safetensors"))
        self.head = torch.nn.Linear(getattr(config, "encoder", config).hidden_size, 1)
        self.head.load_state_dict({part: weights[f"head.score.{part}"] for part in ("weight", "bias")})

    def forward(self, input_ids, attention_mask):
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.head(states[:, 0])[:, 0]


ranker = None if system == "sentence-transformers-int8" else Ranker().eval()


def texts(batch, length, seed):
    """The same made-up ids as bench/precision.ts has."""
    at = numpy.arange(length)
    rows = [1000 + (at * 7919 + row * 104729 + seed * 31337) % 20000 for row in range(batch)]
    return numpy.stack(rows).astype(numpy.int64)


def exported():
    path = os.path.join(folder, "export.onnx")
    if not os.path.exists(path):
        ids = torch.from_numpy(texts(2, 8, 0))
        axes = {0: "batch", 1: "sequence"}
        torch.onnx.export(
            ranker,
            (ids, torch.ones_like(ids)),
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=["scores"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "scores": {0: "batch"}},
            opset_version=18,
            do_constant_folding=True,
            dynamo=False,
        )
    return path


def quantised():
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = os.path.join(folder, "export.int8.onnx")
    if not os.path.exists(path):
        quantize_dynamic(exported(), path, weight_type=QuantType.QInt8, per_channel=True)
    return path


def by_onnxruntime(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda ids: session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})[0]


def by_openvino(path, precision):
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    model = openvino.Core().compile_model(path, "CPU", settings)
    return lambda ids: model({"input_ids": ids, "attention_mask": numpy.ones_like(ids)})[0]


def by_torch(model):
    def score(ids):
        with torch.inference_mode():
            given = torch.from_numpy(ids)
            return model(given, torch.ones_like(given)).float().numpy()

    return score


def by_sentence_transformers():
    import shutil
    import tempfile

    import onnxruntime
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    with tempfile.TemporaryDirectory() as made:
        shutil.copytree(folder, made, dirs_exist_ok=True)
        whole = SentenceTransformer(made, backend="onnx", model_kwargs={"export": True})
        export_dynamic_quantized_onnx_model(whole, "avx512_vnni", made)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        settings = {"file_name": "onnx/model_qint8_avx512_vnni.onnx", "session_options": options}
        model = SentenceTransformer(made, backend="onnx", model_kwargs=settings)

    def score(ids):
        given = torch.from_numpy(ids)
        features = {"input_ids": given, "attention_mask": torch.ones_like(given)}
        with torch.inference_mode():
            return model({**features, "token_type_ids": torch.zeros_like(given)})["sentence_embedding"][:, 0].numpy()

    return score


score = {
    "sentence-transformers-int8": by_sentence_transformers,
    "torch-fp32": lambda: by_torch(ranker),
    "torch-bf16": lambda: by_torch(ranker.to(torch.bfloat16)),
    "onnxruntime-int8": lambda: by_onnxruntime(quantised()),
    "openvino-f32": lambda: by_openvino(exported(), "f32"),
    "openvino-bf16": lambda: by_openvino(exported(), "bf16"),
    "openvino-int8": lambda: by_openvino(quantised(), "f32"),
}[system]()

print(json.dumps({"ready": True}), flush=True)
clock = time.process_time if threads == 1 else time.perf_counter
for line in sys.stdin:
    ids = texts(*map(int, line.split()))
    start = clock()
    scores = score(ids).tolist()
    print(json.dumps({"seconds": clock() - start, "scores": scores}), flush=True)
