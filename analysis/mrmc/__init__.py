"""Multi-reader multi-case comparison of treatments (Obuchowski and Rockette) from crossed ratings."""
