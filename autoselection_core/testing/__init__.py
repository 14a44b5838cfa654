"""What tests share: a real small model, and the laws that every operator and signal keeps."""
