import Refx
