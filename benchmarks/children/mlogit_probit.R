# Multinomial probit, unstructured covariance, in R's mlogit: GHK with `draws` pseudo-random draws.
#
#     Rscript mlogit_probit.R FOLDER DRAWS
#
# FOLDER/long.csv holds case, alt, choice, x1 ... xK; the first alternative is the base. Prints one
# JSON line like the other children. Reading and indexing the data is not timed.

suppressPackageStartupMessages(library(mlogit))

given <- commandArgs(trailingOnly = TRUE)
long <- read.csv(file.path(given[1], "long.csv"), stringsAsFactors = FALSE)
long$choice <- long$choice == 1
covariates <- grep("^x[0-9]+$", names(long), value = TRUE)
base <- sort(unique(long$alt))[1]
data <- dfidx(long, idx = c("case", "alt"), choice = "choice")
formula <- as.formula(paste("choice ~", paste(covariates, collapse = " + ")))

start <- proc.time()[["elapsed"]]
fit <- mlogit(formula, data, reflevel = base, probit = TRUE, R = as.integer(given[2]), seed = 1)
table <- summary(fit)$CoefTable
seconds <- proc.time()[["elapsed"]] - start

status <- readLines("/proc/self/status")
peak <- as.numeric(gsub("[^0-9]", "", grep("^VmHWM", status, value = TRUE))) / 1024
constants <- grep("(Intercept)", rownames(table), value = TRUE, fixed = TRUE)
order <- c(covariates, constants)
list_of <- function(x) paste0("[", paste(format(x, digits = 10, trim = TRUE), collapse = ", "), "]")
cat(sprintf(
  paste0(
    '{"version": "mlogit %s (R %s, %s draws)", "seconds": [%.3f], "peak_mb": %.1f, ',
    '"llf": %.6f, "estimates": %s, "errors": %s, "converged": %s}\n'
  ),
  packageVersion("mlogit"), getRversion(), given[2], seconds, peak, as.numeric(logLik(fit)),
  list_of(table[order, 1]), list_of(table[order, 2]),
  if (isTRUE(fit$est.stat$code %in% 1:2)) "true" else "false"
))
