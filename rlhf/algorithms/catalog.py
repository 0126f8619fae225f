"""Every algorithm that a recipe may name, each told by what it changes in another. Imports no torch.

What a paper leaves open is marked (choice); spec: recipes, sections 1 to 10.
"""

from __future__ import annotations

from rlhf.algorithms.definition import Definition, Kl, ValueFunction

GRPO = Definition(
    name="grpo",
    summary="reward normalised in the group, ratio clipped on both sides, mean over each response",
    source="DeepSeekMath 2402.03300, DeepSeek-R1 2501.12948",
    advantage="group_normalised",
    aggregation="seq-mean-token-mean",
)

DR_GRPO = GRPO.but(
    name="dr_grpo",
    summary="GRPO without the division by the group's deviation and by the response's length",
    source="2503.20783",
    advantage="group_mean",
    aggregation="seq-mean-token-sum-norm",
)

DAPO = GRPO.but(
    name="dapo",
    summary="GRPO with clip-higher, dynamic sampling, token-level loss and a soft punishment of overlong responses",
    source="2503.14476",
    clip_high=0.28,
    keep="mixed_accuracy",
    aggregation="token-mean",
    overlong_penalty=1.0,  # with rewards of +1 and -1, as the paper has them; half of it where they are 1 and 0
)

GSPO = GRPO.but(
    name="gspo",
    summary="GRPO with the ratio, and the clip, of whole sequences",
    source="2507.18071, eq. 5",
    ratio="sequence",
    clip_low=3e-4,
    clip_high=4e-4,
    old_logprobs="recomputed",  # the engine's differ by more than these bounds in bfloat16
)

GSPO_TOKEN = GSPO.but(
    name="gspo_token",
    summary="GSPO whose gradient weighs each token by an advantage of its own",
    source="2507.18071, eq. 13",
    ratio="sequence_token",
)

CISPO = GRPO.but(
    name="cispo",
    summary="the ratio is a capped weight without gradient, so that no token is cut off",
    source="MiniMax-M1 2506.13585",
    surrogate="capped_weight",
    clip_low=None,
    clip_high=0.28,  # (choice): not published
    aggregation="token-mean",
    keep="mixed_accuracy",
    overlong_penalty=1.0,
)

RLOO = Definition(
    name="rloo",
    summary="REINFORCE with the mean of the other samples as baseline; KL in the reward",
    source="2402.14740",
    advantage="leave_one_out",
    surrogate="score",
    ratio="none",
    clip_low=None,
    clip_high=None,
    aggregation="seq-mean-token-sum",
    kl=Kl("reward", "k1", 0.03),
)

REINFORCE_PP = Definition(
    name="reinforce_pp",
    summary="PPO without a critic: reward to go with KL in it, whitened over all tokens of the batch",
    source="2501.03262",
    advantage="returns",
    whiten=True,
    aggregation="seq-mean-token-mean",
    kl=Kl("reward", "k1", 1e-3),
)

REINFORCE_PP_BASELINE = REINFORCE_PP.but(
    name="reinforce_pp_baseline",
    summary="REINFORCE++ with the group's mean as baseline, and KL in the loss",
    advantage="group_mean",
    kl=Kl("loss", "k2", 1e-3),
)

PPO = Definition(
    name="ppo",
    summary="a critic and generalised advantage estimation, ratio clipped on both sides",
    source="1707.06347",
    advantage="gae",
    whiten=True,
    aggregation="token-mean",
    value=ValueFunction(actor_lambda=0.95, critic_lambda=0.95, clip=0.2),
)

VC_PPO = PPO.but(
    name="vc_ppo",
    summary="PPO with a pretrained critic, and another lambda for it than for the actor",
    source="2503.01491",
    whiten=False,
    value=ValueFunction(actor_lambda=0.95, critic_lambda=1.0, pretrain_steps=100),
)

VAPO = VC_PPO.but(
    name="vapo",
    summary="VC-PPO with length-adaptive lambda, clip-higher, and the likelihood of correct responses",
    source="2504.05118",
    clip_high=0.28,
    value=ValueFunction(critic_lambda=1.0, length_alpha=0.05, pretrain_steps=50),
    positive_nll=0.1,
)

KIMI_K1_5 = Definition(
    name="kimi_k1_5",
    summary="mirror descent against the iteration's own start, optimizer reset, length reward",
    source="2501.12599, eq. 3",
    advantage="group_mean",
    surrogate="mirror",
    ratio="none",
    clip_low=None,
    clip_high=None,
    aggregation="seq-mean-token-sum",
    mirror_tau=0.1,  # (choice): not published
    reset_optimizer=True,
    old_logprobs="recomputed",
    length_reward=0.1,  # (choice): not published
)

SEED_THINKING = VAPO.but(
    name="seed_thinking",
    summary="VAPO with dynamic sampling; rewards by verifier and by reward model, and an adaptive mix of domains",
    source="Seed1.5-Thinking 2504.13914",
    keep="mixed_accuracy",
)

RAFT = Definition(
    name="raft",
    summary="likelihood of the correct responses alone: the baseline that negative gradients have to beat",
    source="2304.06767; ReST 2308.08998",
    advantage="correct_only",
    surrogate="score",
    ratio="none",
    clip_low=None,
    clip_high=None,
    aggregation="token-mean",
)

CATALOG: dict[str, Definition] = {
    definition.name: definition
    for definition in (
        GRPO, DR_GRPO, RLOO, REINFORCE_PP, REINFORCE_PP_BASELINE, PPO, DAPO, GSPO, GSPO_TOKEN, CISPO, VC_PPO, VAPO,
        KIMI_K1_5, SEED_THINKING, RAFT,
    )
}  # fmt: skip
