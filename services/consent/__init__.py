"""The sharing rules: what may be released to whom, as pure functions of rules and facts."""
