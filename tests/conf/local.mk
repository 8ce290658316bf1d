check_PROGRAMS += %D%/ini_file_test %D%/relay_test %D%/secret_test %D%/settings_test %D%/conf_test %D%/oauth_test
