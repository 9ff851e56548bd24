"""Two hundred texts that want to be more than text: each sets `window.canary` if it succeeds."""

from __future__ import annotations

ACT = "window.canary=1"

_VECTORS = (
    f"<script>{ACT}</script>",
    f"<ScRiPt>{ACT}</sCrIpT>",
    f"<script >{ACT}</script >",
    f"<script/x>{ACT}</script>",
    f"<script\n>{ACT}</script\n>",
    f"<script type=module>{ACT}</script>",
    f"<scr<script>ipt>{ACT}</scr</script>ipt>",
    f"<script src='data:text/javascript,{ACT}'></script>",
    f"<img src=x onerror={ACT}>",
    f"<img src=x onerror='{ACT}'>",
    f'<img src="x" onerror="{ACT}">',
    f"<img/src/onerror={ACT}>",
    f"<IMG SRC=x ONERROR={ACT}>",
    f"<image src=x onerror={ACT}>",
    f"<svg onload={ACT}>",
    f"<svg/onload={ACT}>",
    f"<svg><script>{ACT}</script></svg>",
    f"<svg><animate onbegin={ACT} attributeName=x dur=1s>",
    f"<svg><set onbegin={ACT} attributeName=x to=1>",
    f"<svg><a xlink:href='javascript:{ACT}'><text y=20>x</text></a></svg>",
    f"<svg><foreignObject><script>{ACT}</script></foreignObject></svg>",
    f"<math><mtext><img src=x onerror={ACT}></mtext></math>",
    f"<body onload={ACT}>",
    f"<body onpageshow={ACT}>",
    f"<iframe srcdoc='<script>parent.{ACT}</script>'></iframe>",
    f"<iframe src='javascript:parent.{ACT}'></iframe>",
    f"<iframe onload={ACT}></iframe>",
    f"<object data='javascript:{ACT}'></object>",
    f"<embed src='javascript:{ACT}'>",
    f"<video><source onerror={ACT}></video>",
    f"<video src=x onerror={ACT}></video>",
    f"<audio src=x onerror={ACT}></audio>",
    f"<input autofocus onfocus={ACT}>",
    f"<select autofocus onfocus={ACT}></select>",
    f"<textarea autofocus onfocus={ACT}></textarea>",
    f"<details open ontoggle={ACT}>x</details>",
    f"<marquee onstart={ACT}>x</marquee>",
    f"<a href='javascript:{ACT}' autofocus onfocus={ACT}>x</a>",
    f"<p tabindex=1 autofocus onfocus={ACT}>x",
    f"<style onload={ACT}></style>",
    f"<link rel=stylesheet href='data:text/css,' onload={ACT}>",
    f"<meta http-equiv=refresh content='0;url=javascript:{ACT}'>",
    f"<base href='javascript:{ACT}//'>",
    f"<template><script>{ACT}</script></template><script>{ACT}</script>",
    f"<noscript><p title='</noscript><img src=x onerror={ACT}>'>",
    f"<xmp><p title='</xmp><img src=x onerror={ACT}>'>",
    f"&lt;script&gt;{ACT}&lt;/script&gt;<script>{ACT}</script>",
    f"\N{FULLWIDTH LESS-THAN SIGN}script\N{FULLWIDTH GREATER-THAN SIGN}{ACT}<script>{ACT}</script>",
    f"{{{{7*7}}}}{{% raw %}}<script>{ACT}</script>{{% endraw %}}",
    f"${{{ACT}}}{{{{metrics}}}}<script>{ACT}</script>\u202e\u2028\u2029",
)
# Where a text may stand: between tags, in attributes, in a title, a style or a comment.
_CONTEXTS = ("", "\"'> ", "</title></style></text></svg></script>", "--> ]]> */ ")

PAYLOADS = tuple(f"{context}{vector}" for context in _CONTEXTS for vector in _VECTORS)
