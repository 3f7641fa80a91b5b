"""Makes a definition of an existing elizaOS character: pure, from its JSON and the catalog; nothing is lost unsaid."""
