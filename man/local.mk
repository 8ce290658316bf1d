dist_man_MANS += %D%/paloma.1 %D%/paloma.conf.5 %D%/paloma-aliases.5 %D%/paloma-spool.5 %D%/paloma-serve.8 %D%/sendmail.8 %D%/mailq.1 %D%/newaliases.1
