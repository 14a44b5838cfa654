"""What running out of memory looks like."""

_SAID_BY_TORCH = ("not enough memory", "can't allocate memory", "CUDA out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that an allocation failed; on a processor torch says it with a RuntimeError."""
    # By name, because only a program that has loaded torch meets its class.
    is_torch_s_own = type(error).__name__ == "OutOfMemoryError"
    return (
        is_torch_s_own or isinstance(error, MemoryError) or any(said in str(error) for said in _SAID_BY_TORCH)
    )
