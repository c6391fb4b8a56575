"""Small random models of Llama's architecture, of unequal sizes, with gains that are not 1."""

import shutil

# heads × d_head ≠ d_model, and no two sizes are the same
SIZES = {
    "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 4,
    "hidden_size": 18, "intermediate_size": 14, "vocab_size": 300, "max_position_embeddings": 48,
}  # fmt: skip


def tiny_llama_folder(folder, tokenizer_folder, seed=0, **sizes):
    """A model in Hugging Face's format, with the tokenizer of another folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    for file in tokenizer_folder.glob("tokenizer*"):
        shutil.copy(file, folder)
    config = LlamaConfig(
        **SIZES | sizes, bos_token_id=0, eos_token_id=0, pad_token_id=0,
        initializer_range=0.5, tie_word_embeddings=True, rms_norm_eps=1e-3,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        for name, weight in model.named_parameters():
            if "norm" in name:
                torch.nn.init.uniform_(weight, 0.5, 1.5)
        model.save_pretrained(folder)
    return folder
