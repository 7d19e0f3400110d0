"""The actions that public sets, rules and the shipped model name alike, each with a definition for coders."""

from __future__ import annotations

ACTIONS = {
    "walk": "Steps from one foot to the other, one always on the ground: forwards, backwards, sideways, in place.",
    "run": "Steps with moments at which neither foot is on the ground, jogging and running in place among them.",
    "stand": "On the feet, trunk upright, without a step, for as long as no other action of this list holds.",
    "sit": "The weight rests on the buttocks, trunk upright or leaning; not the way down or up.",
    "lie": "The trunk rests along the ground or another surface; not the way down or up.",
    "sit_down": "From standing to sitting: from where the hips begin to sink to where the weight rests on the seat.",
    "stand_up": "From sitting to standing: from where the trunk leans forwards to where knees and hips are straight.",
    "bend_or_pick_up": "From standing, the trunk bends, the hands go to the knees or lower, and come up again.",
    "squat": "From standing the hips sink to about knee height and rise again, trunk near upright, feet in place.",
    "jump": "Both feet leave the ground at once and come down again, in place or with way; skipping a rope is jumping.",
    "jumping_jack": "Jumps in place; arms and legs spread sideways and close, the hands going above the head.",
    "push_up": "Face down on hands and feet or knees, the body straight, lowered and raised by the arms.",
    "sit_up": "Lying on the back, the trunk comes up towards the thighs and sinks back.",
    "pull_up": "Hanging by the hands, the body is pulled up and let down by the arms.",
    "punch": "A fist is thrust away from the body and comes back, once or in turns, at a target or in the air.",
    "kick": "One foot is thrust or swung away from the body and comes back, at a target or in the air.",
    "throw": "One or both hands swing and let a thing go, overarm or from the side, real or mimed.",
    "wave": "A raised hand, or both, moves to and fro as in a greeting.",
    "clap": "The palms meet in front of the body, and part, at least once.",
    "raise_arms": "One arm or both go up from below the shoulder until the hand is above the head; and down again.",
    "swing": "A club, bat or racket, real or mimed, is swung by one or both arms through most of their reach.",
    "fall": "From upright to the ground without control: from where balance is lost to where the body lies still.",
}
"""Name of the action to its definition. Everything else that a person does is `unknown`."""
