comment on schema ops is {mark} -- noqa: PRS
