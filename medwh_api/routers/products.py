"""`/api/products`: what the vocabulary knows, and what is said of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from medwh_api import cursors, queries
from medwh_api.answers import Listing
from medwh_api.cursors import Key
from medwh_api.dependencies import Answering, ProductInPath
from medwh_api.errors import UNKNOWN_PRODUCT, UnknownProductError
from medwh_api.routers.described import described_list, described_one
from medwh_api.routers.search import containing
from medwh_api.schemas.parameters import NoParameters, ProductsParameters
from medwh_api.schemas.products import Product, ProductDetails

router = APIRouter(prefix="/api/products", tags=["products"])

_PRODUCTS = Listing(
    queries.LIST_PRODUCTS,
    Product,
    Key({"product_key": ("after_product", cursors.Text)}),
    "products",
)


@router.get(
    "",
    summary="Products of the vocabulary",
    response_description="Products by key.",
    **described_list(Product),
)
async def list_products(
    answers: Answering, parameters: Annotated[ProductsParameters, Query()]
) -> Response:
    """Every product, those that no post names included, with how often it is named and offered."""
    return await answers.page(
        _PRODUCTS,
        parameters,
        {
            "pattern": containing(parameters.query) if parameters.query else None,
            "category": parameters.category,
            "seen": parameters.seen,
        },
    )


@router.get(
    "/{product}",
    summary="One product",
    response_description="The product with its prices, newest offers and vendors.",
    **described_one(ProductDetails, UNKNOWN_PRODUCT),
)
async def get_product(
    answers: Answering,
    product: ProductInPath,
    _parameters: Annotated[NoParameters, Query()],
) -> Response:
    """Prices by month over all channels, the 20 newest offers, the 20 vendors that offer it most.

    Vendors are keyed hashes of phone numbers. All prices by channel are in /api/reports/prices.
    """
    return await answers.one(queries.DESCRIBE_PRODUCT, {"product": product}, UnknownProductError())
