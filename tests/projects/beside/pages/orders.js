document.querySelector("[data-ship]").addEventListener("click", () => fetch("/ship", { method: "POST" }));
