"""What a model asks of its input, checked when it is built."""

from dl_runner.errors import UserError
from dl_runner.spec import DataSpec


def require_images(data: DataSpec, model: str, smallest: int = 1) -> None:
    """Check that the examples are images of at least `smallest` pixels each way.

    Raises:
        UserError: vectors, or images too small for the model; names the smallest size.
    """
    if not data.is_image:
        raise UserError(f"model={model}: needs images, but one example of the data has shape {data.input_shape}")
    height, width = data.input_shape[1:]
    if min(height, width) < smallest:
        raise UserError(
            f"model={model}: needs images of at least {smallest}x{smallest} pixels, not {height}x{width}; "
            f"set data.image_size={smallest} or more"
        )
