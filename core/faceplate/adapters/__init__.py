"""Models of others, made to speak the stages' own form: a manifest's `adapter` says which of these does that."""
