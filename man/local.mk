dist_man_MANS += %D%/paloma.1 %D%/paloma.conf.5 %D%/sendmail.8 %D%/paloma-serve.8
