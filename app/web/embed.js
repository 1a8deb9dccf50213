/**
 * Defines `<parley-chat>`, for pages of other products:
 *
 *     <script type="module" src="https://chat.example.org/web/embed.js"></script>
 *     <parley-chat room="general"></parley-chat>
 */

import { ParleyChat } from "./embed/chat_element.js";

if (!customElements.get("parley-chat")) customElements.define("parley-chat", ParleyChat);
