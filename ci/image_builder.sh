# Makes a BuildKit builder for `docker buildx` and chooses it (BUILDX_BUILDER). Sourced by the other scripts.
# Docker's own builder gives no OCI output, no cache in a registry and no bytes that are the same twice.

buildkit=docker.io/moby/buildkit:v0.29.0@sha256:0039c1d47e8748b5afea56f4e85f14febaf34452bd99d9552d2daa82262b5cc5

if [ -z "${BUILDX_BUILDER:-}" ] && docker buildx version >/dev/null 2>&1; then
  BUILDX_BUILDER=roster
  docker buildx inspect "$BUILDX_BUILDER" >/dev/null 2>&1 ||
    docker buildx create --name "$BUILDX_BUILDER" --driver docker-container --driver-opt "image=$buildkit" \
      --bootstrap >/dev/null
  export BUILDX_BUILDER
fi
