alter role medwh_api password {verifier} -- noqa: PRS
