from shop.settings.base import *
from shop.settings.live import *
