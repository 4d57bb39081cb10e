"""Problem documents (RFC 9457)."""

from pydantic import BaseModel, Field


class ParameterProblem(BaseModel):
    """What is wrong with one parameter."""

    parameter: str | None = Field(
        default=None, description="The parameter's name, where there is one."
    )
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Why a request has no answer."""

    type: str = Field(description="Stable name of this kind of problem, for programs.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status once more.")
    detail: str | None = Field(default=None, description="What happened and what to do.")
    errors: list[ParameterProblem] | None = Field(
        default=None, description="The parameters that were refused (422 only)."
    )
