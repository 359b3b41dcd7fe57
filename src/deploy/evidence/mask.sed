# Takes every secret out of a log, and what is no text. For `sed -E -f`, with a UTF-8 locale.
s/\x1b\[[0-9;]*[A-Za-z]//g
s/\r//g
/^[[:print:]\t]*$/!c\***
/�/c\***
/-----BEGIN [A-Z ]*PRIVATE KEY-----/,/-----END [A-Z ]*PRIVATE KEY-----/s/.*/***/
s/eyJ[A-Za-z0-9_.-]{10,}/***/g
s/(AKIA|ASIA)[A-Z0-9]{16}/***/g
s/((SLURM_JWT|SLURM-USER-TOKEN|SECRET_?ACCESS_?KEY|SESSION_?TOKEN|SECURITY-TOKEN|AMZ-SIGNATURE|AMZ-CREDENTIAL|PASSWORD|PASSWD)["']?[[:blank:]]*[=:][[:blank:]]*["']?)[^[:blank:]"'&,;]+/\1***/Ig
s/(["']TOKEN["'][[:blank:]]*:[[:blank:]]*["']?)[^[:blank:]"'&,;]+/\1***/Ig
s/(:\/\/[^/[:blank:]:@]+:)[^/[:blank:]@]+@/\1***@/g
