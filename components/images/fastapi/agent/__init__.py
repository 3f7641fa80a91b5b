"""The service that answers an agent's tasks over HTTP with its prompt and its model."""
