"""Signals of sentence embeddings: relevance, clusters, graph position and reranking."""
