"""How like its market a simulator is: scores, responses, markouts, facts, and a noise floor."""
