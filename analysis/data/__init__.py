"""What a study hands in: responses, ratings and tables in any form, and who, what and which of them is meant."""
