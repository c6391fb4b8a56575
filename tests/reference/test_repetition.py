from mi_course.reference import repetition


def test_demos_prompts_hold_no_bos_and_repeat(random_gpt2):
    tokens = repetition._main_demo_tokens(random_gpt2)
    assert tokens.shape == (10, 100)
    assert (tokens[:, :50] == tokens[:, 50:]).all()
    assert (tokens != random_gpt2.tokenizer.bos_token_id).all()
