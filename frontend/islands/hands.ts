// What a grid member does with one thumb: what is near first, words by a tap, text and picture for WeChat, a voice note.

import "./copy";
import "./near";
import "./phrases";
import "./voice";
