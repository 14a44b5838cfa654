"""Reading of answers in generated text. Every reader takes time linear in the text's length."""
