module roster.invalid/verdicts

go 1.26.0

require github.com/cilium/cilium v1.20.2

// What 1.20.2 names is not to be had everywhere; nothing of it decides about policies.
replace github.com/cilium/statedb => github.com/cilium/statedb v0.8.3
