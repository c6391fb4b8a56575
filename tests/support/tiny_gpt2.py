"""A folder with a random model that has GPT-2's heads, so that measurements of heads run on it."""

import shutil


def tiny_gpt2_folder(folder):
    """12 layers of 12 heads of 2, pocket's vocabulary, 256 positions; about 1 MB."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from mi_course import models

    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(models.POCKET_DIR / name, folder)
    vocab = GPT2Config.from_pretrained(models.POCKET_DIR).vocab_size
    config = GPT2Config(
        n_layer=12, n_head=12, n_embd=24, vocab_size=vocab, n_positions=256,
        bos_token_id=0, eos_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)
    return folder
