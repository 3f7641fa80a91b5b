"""The rules as a Pulumi policy pack: the same findings as `roster check`, said by the engine before it applies."""
