!function(){var t=e=>fetch("/api/funds/".concat(e,"/companies"));t(1)}();
